package security_test

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/security"
	"github.com/switchboard-go/switchboard/websocket"
)

func anybody(*http.Request) (websocket.LoginUser, error) { return websocket.LoginUser{ID: "1"}, nil }

func from(remote string) *http.Request { return &http.Request{RemoteAddr: remote} }

func TestLimitHandshakesOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		authenticate := security.LimitHandshakes(0.5, 3)(func(r *http.Request) (websocket.LoginUser, error) {
			asked++
			return anybody(r)
		})
		try := func() error {
			_, err := authenticate(from("192.0.2.1:1000"))
			return err
		}

		for range 3 {
			if err := try(); err != nil {
				t.Fatalf("within the burst: %v", err)
			}
		}
		for range 100 { // refusals do not make the wait longer
			refusal := wantRefusal(t, try(), http.StatusTooManyRequests)
			if refusal.Code != "too_many_handshakes" || refusal.RetryAfter != 2*time.Second {
				t.Fatalf("code %q, retry after %v", refusal.Code, refusal.RetryAfter)
			}
		}
		<-time.After(2 * time.Second)
		if err := try(); err != nil {
			t.Fatalf("after the time that the refusal named: %v", err)
		}
		wantRefusal(t, try(), http.StatusTooManyRequests)

		<-time.After(time.Hour)
		for range 3 {
			if err := try(); err != nil {
				t.Fatalf("within the burst, an hour later: %v", err)
			}
		}
		wantRefusal(t, try(), http.StatusTooManyRequests)
		if asked != 7 {
			t.Errorf("next was asked %d times, want 7", asked)
		}
	})
}

func TestLimitHandshakesPerAddress(t *testing.T) {
	for _, test := range []struct {
		first, second string
		same          bool
	}{
		{"192.0.2.1:1000", "192.0.2.1:2000", true},
		{"192.0.2.1:1000", "192.0.2.2:1000", false},
		{"192.0.2.1:1000", "[::ffff:192.0.2.1]:1000", true},
		{"[::ffff:192.0.2.1]:1000", "[::ffff:192.0.2.2]:1000", false},
		{"192.0.2.1:1000", "192.0.2.1", true}, // rewritten without a port
		{"2001:db8::1", "[2001:db8::2]:1000", true},
		{"[2001:db8:0:1::1]:1000", "[2001:db8:0:1:ffff::2]:1000", true},
		{"[2001:db8:0:1::1]:1000", "[2001:db8:0:2::1]:1000", false},
		{"[fe80::1%eth0]:1000", "[fe80::2%eth1]:1000", true},
		{"@", "", true},
		{"@", "192.0.2.1:1000", false},
		{"0.0.0.0:1000", "[::]:1000", false},
	} {
		authenticate := security.LimitHandshakes(1e-6, 1)(anybody)
		if _, err := authenticate(from(test.first)); err != nil {
			t.Fatal(err)
		}
		if _, err := authenticate(from(test.second)); (err != nil) != test.same {
			t.Errorf("%q after %q: error %v, want one address: %v", test.second, test.first, err, test.same)
		}
	}
}

func TestLimitHandshakesForgetsTheAddressSeenLongestAgo(t *testing.T) {
	authenticate := security.LimitHandshakes(1e-6, 1)(anybody)
	refused := func(remote string) bool {
		_, err := authenticate(from(remote))
		return err != nil
	}
	refused("192.0.2.1:1")
	refused("192.0.2.2:1")
	for i := range 9_998 {
		refused(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256))
	}
	if !refused("192.0.2.1:1") {
		t.Error("one of 10,000 addresses was forgotten")
	}
	refused("192.0.2.3:1")
	if !refused("192.0.2.1:1") {
		t.Error("the address seen last was forgotten")
	}
	if refused("192.0.2.2:1") {
		t.Error("more than 10,000 addresses are remembered")
	}
}

func TestLimitHandshakesAtOnce(t *testing.T) {
	var passed atomic.Int32
	interceptor := security.LimitHandshakes(1e-6, 1)
	for i := range 1000 { // many first handshakes, for two to meet
		request := from(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256))
		start := make(chan struct{})
		var tries sync.WaitGroup
		for range 4 {
			tries.Go(func() {
				authenticate := interceptor(anybody)
				<-start
				if _, err := authenticate(request); err == nil {
					passed.Add(1)
				}
			})
		}
		close(start)
		tries.Wait()
	}
	if passed.Load() != 1000 {
		t.Errorf("%d handshakes passed, want one for each of 1000 addresses", passed.Load())
	}
}

func TestLimitHandshakesPanicsOnNonsense(t *testing.T) {
	for _, test := range []struct {
		perSecond float64
		burst     int
	}{
		{0, 1}, {-1, 1}, {math.NaN(), 1}, {math.Inf(1), 1}, {1, 0}, {1, -1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("LimitHandshakes(%v, %d) did not panic", test.perSecond, test.burst)
				}
			}()
			security.LimitHandshakes(test.perSecond, test.burst)
		}()
	}
}
