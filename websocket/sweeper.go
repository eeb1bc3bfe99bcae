package websocket

import "time"

// sweep applies the timeouts to all sessions until Shutdown. One goroutine that
// looks at every session now and then costs less than timers and deadlines that
// move with each message.
func (srv *Server) sweep() {
	defer close(srv.swept)
	ticker := time.NewTicker(srv.sweepInterval())
	defer ticker.Stop()
	for {
		select {
		case <-srv.stop:
			return
		case <-ticker.C:
			now, wall := srv.now(), time.Now()
			for s := range srv.sessions() {
				s.check(now, wall)
			}
		}
	}
}

// sweepInterval is how late a timeout may be noticed: a quarter of the shortest
// one, at most a second.
func (srv *Server) sweepInterval() time.Duration {
	interval := time.Second
	l := srv.limits
	for _, timeout := range []time.Duration{l.ReadTimeout, l.PingInterval, l.PongTimeout, l.IdleTimeout, l.WriteTimeout} {
		if timeout > 0 {
			interval = min(interval, timeout/4)
		}
	}
	return max(interval, time.Millisecond)
}

// check applies the timeouts. The server's sweeper calls it now and then.
func (s *Session) check(now time.Duration, wall time.Time) {
	l := &s.server.limits
	silent := s.conn.receivedAgo(now)
	since := time.Duration(s.conn.guard.since.Load())
	if s.pinged != 0 && silent <= now-s.pinged {
		s.pinged = 0
	}
	switch {
	case s.outbox.stalledFor(now) > l.WriteTimeout:
		s.end(&CloseError{Code: CloseWriteTimeout, Reason: "client takes nothing"}, false)
		s.sever()
	case !s.user.ExpiresAt.IsZero() && !wall.Before(s.user.ExpiresAt):
		s.end(&CloseError{Code: CloseLoginExpired, Reason: "login expired"}, true)
	case l.ReadTimeout > 0 && since != 0 && now-since > l.ReadTimeout:
		s.end(&CloseError{Code: CloseReadTimeout, Reason: "message was not finished in time"}, false)
	case l.IdleTimeout > 0 && silent > l.IdleTimeout,
		s.pinged != 0 && now-s.pinged > l.PongTimeout:
		s.end(&CloseError{Code: ClosePeerSilent, Reason: "nothing was received in time"}, false)
	case l.PingInterval > 0 && s.pinged == 0 && silent > l.PingInterval:
		s.pinged = now
		s.outbox.ping()
	}
}
