package websocket

import (
	"testing"
	"time"
)

func TestFrameRate(t *testing.T) {
	burst := func(r *frameRate, now time.Duration) (n int) {
		for r.allow(now, 10) {
			n++
		}
		return n
	}
	var r frameRate
	if got := burst(&r, time.Hour); got != 20 {
		t.Errorf("%d frames pass at once, want 20", got)
	}
	r = frameRate{}
	passed := 0
	for now := time.Second; now < 101*time.Second; now += 50 * time.Millisecond { // twice the rate
		if !r.allow(now, 10) {
			break
		}
		passed++
	}
	if passed < 39 || passed > 41 { // the burst is used up after two seconds
		t.Errorf("%d frames pass at twice the rate", passed)
	}
	r = frameRate{}
	for now := time.Second; now < 1000*time.Second; now += 100 * time.Millisecond {
		if !r.allow(now, 10) {
			t.Fatalf("the rate itself is over the limit at %s", now)
		}
	}
	var off frameRate
	for range 10000 {
		if !off.allow(time.Second, 0) {
			t.Fatal("no rate limits")
		}
	}
}
