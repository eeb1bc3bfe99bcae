package config

import "github.com/switchboard-go/switchboard/sender"

// Secret is text that must not be seen, see sender.Secret.
type Secret = sender.Secret
