// Package config reads the configuration of a Switchboard application from
// four layers, each over the one before: the defaults in the code, a YAML
// file, the environment and the flags.
//
//	cfg, err := config.Load(config.Options{File: "app.yaml", Environ: os.Environ()})
//
// One key has one name in all of them. What the file calls
//
//	websocket:
//	  sender-type: redis
//
// is WEBSOCKET_SENDER_TYPE=redis in the environment and
// --websocket.sender-type=redis as a flag; the file may have it in one line, too,
// as "websocket.sender-type: redis". In the environment and in a flag a list is
// written with commas; a map can only be written in the file.
//
// # Sections
//
// Config has what every server needs. The application and the drivers have
// sections of their own: structs with koanf tags that hold their defaults, given
// to Load in Options.Sections under the path they have in the file. The drivers'
// come from package sender, which knows those that are linked in, and go back to
// the one that is chosen:
//
//	drivers := sender.Sections()
//	cfg, err := config.Load(config.Options{File: "app.yaml", Senders: drivers})
//	name := cfg.WebSocket.SenderType
//	s, err := sender.Open(ctx, name, sender.OpenOptions{Decode: config.Decode(drivers[name])})
//
// A field with a koanf tag is a key, and a struct in it is a section below. The
// value of a key is text (any type with UnmarshalText counts), true or false, a
// number, a duration, Bytes or Secret, or a list of these, or a map from text to
// one of these. Fields without a tag and unexported ones are left alone.
//
// # Strictness
//
// What cannot be meant is an error, in one line that says where it comes from,
// which key it is, and which known name is nearest:
//
//	app.yaml:3: unknown key websocket.sender-typ, did you mean websocket.sender-type?
//
// This holds for unknown keys, for values that do not fit, for a key that is
// set twice, and for variables that start with the name of a known section
// (WEBSOCKET_…) and are no key of it. Kubernetes sets such variables in each pod
// for a service named like a section; enableServiceLinks: false in the pod's
// specification stops that.
//
// A key without a value is an error too, and so is a section with nothing in it:
// no null of YAML ever stands for a default or wipes one. Only a file with
// nothing in it is a configuration, that of the defaults. Aliases, merge keys and
// tags are errors: a value that starts with *, & or ! has to be quoted.
//
// What only the application can tell of a value it tells in Options.Checks, and
// the error says where the value comes from like the others.
//
// No error of this package repeats the value of a key whose type hides itself, as
// Secret does (any slog.LogValuer counts), or that is named after a secret, password, token, credential or key.
package config
