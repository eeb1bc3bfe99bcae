package websocket

// Session is one connection of one user.
type Session struct{}

// ID starts with its node's id and cannot be guessed.
func (s *Session) ID() string { return "" }

// User is who the session belongs to.
func (s *Session) User() LoginUser { return LoginUser{} }
