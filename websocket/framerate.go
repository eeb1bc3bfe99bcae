package websocket

import "time"

// frameRate limits frames with the generic cell rate algorithm (ITU-T I.371),
// which needs one number a session. The zero value limits nothing.
type frameRate struct {
	interval time.Duration // between frames in the long run
	burst    time.Duration
	due      time.Duration
}

func newFrameRate(perSecond int) frameRate {
	if perSecond == 0 {
		return frameRate{}
	}
	return frameRate{interval: time.Second / time.Duration(perSecond), burst: 2 * time.Second}
}

func (r *frameRate) allow(now time.Duration) bool {
	r.due = max(r.due, now) + r.interval
	return r.due-now <= r.burst
}
