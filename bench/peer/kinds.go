package peer

// The kinds of servers.
const (
	GWS         = "gws"
	GWSBare     = "gws-bare" // echoes and decodes nothing
	Melody      = "melody"
	Centrifuge  = "centrifuge"
	Gorilla     = "gorilla"
	Switchboard = "switchboard"
	Limit       = "limit"
)
