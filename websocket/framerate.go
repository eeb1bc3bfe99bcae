package websocket

import "time"

// frameRate limits frames with the generic cell rate algorithm (ITU-T I.371),
// which needs one number a session: when the next frame is due.
type frameRate struct{ due time.Duration }

// allow notes a frame and reports whether it is within the rate, or a burst of
// two seconds. A rate of zero limits nothing.
func (r *frameRate) allow(now time.Duration, perSecond int) bool {
	if perSecond == 0 {
		return true
	}
	r.due = max(r.due, now) + time.Second/time.Duration(perSecond)
	return r.due-now <= 2*time.Second
}
