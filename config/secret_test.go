package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/config"
)

const hunter2 = "hunter2"

// Whatever is wrong with a secret, what it is does not get into the error.
func TestErrorsHaveNoSecrets(t *testing.T) {
	for name, options := range map[string]config.Options{
		"number, by its name":  {File: write(t, "chat: {api-token: hunter2}")},
		"list for a secret":    {File: write(t, "chat: {rpc-secret: [hunter2]}")},
		"map for a secret":     {File: write(t, "chat: {rpc-secret: {hunter2: hunter2}}")},
		"unknown key":          {File: write(t, "chat: {rpc-secrt: hunter2}")},
		"value for a section":  {File: write(t, "chat: hunter2")},
		"text for a list":      {File: write(t, "chat: {peers: hunter2}")},
		"text for a map":       {Environ: []string{"CHAT_ROLES=hunter2"}},
		"item of a list":       {File: write(t, "chat: {retries: [hunter2]}")},
		"twice":                {File: write(t, "chat: {rpc-secret: hunter2, rpc-secret: hunter2}")},
		"no space":             {File: write(t, "chat: {rpc-secret:hunter2}")},
		"twice in a map":       {File: write(t, "chat: {rpc-secret: {hunter2, hunter2}}")},
		"unquoted *":           {File: write(t, "chat: {rpc-secret: *hunter2}")},
		"unquoted * and alias": {File: write(t, "chat: {room: &hunter2 x, rpc-secret: *hunter2}")},
		"unquoted &":           {File: write(t, "chat: {rpc-secret: &hunter2}")},
		"unquoted !":           {File: write(t, "chat: {rpc-secret: !hunter2}")},
		"unquoted ! at a list": {File: write(t, "chat: {rpc-secret: !hunter2 []}")},
		"unquoted %":           {File: write(t, "chat:\n  rpc-secret: %hunter2")},
		"unquoted @":           {File: write(t, "chat:\n  rpc-secret: @hunter2")},
		"unquoted `":           {File: write(t, "chat:\n  rpc-secret: `hunter2")},
		"unquoted :":           {File: write(t, "chat:\n  rpc-secret: hunter2: hunter2")},
		"open quote":           {File: write(t, "chat:\n  rpc-secret: \"hunter2\n")},
		"wrong escape":         {File: write(t, "chat:\n  rpc-secret: \"\\hunter2\"\n")},
		"environment":          {Environ: []string{"CHAT_API_TOKEN=hunter2"}},
		"unknown variable":     {Environ: []string{"CHAT_RPC_SECRT=hunter2"}},
		"flag":                 {Flags: map[string]string{"chat.api-token": hunter2}},
		"unknown flag":         {Flags: map[string]string{"chat.api-tokn": hunter2}},
		"choice":               {Flags: map[string]string{"chat.api-token": "7"}, Choices: map[string][]string{"chat.api-token": {"8"}}},
	} {
		t.Run(name, func(t *testing.T) {
			err, text := load(t, options)
			if strings.Contains(fmt.Sprintf("%s %+v", text, *err), hunter2) || strings.Contains(text, "7") {
				t.Errorf("seen: %s", text)
			}
		})
	}
}

func TestSecretNames(t *testing.T) {
	for name, secret := range map[string]bool{
		"secret":       true,
		"rpc-secret":   true,
		"password":     true,
		"passwd":       true,
		"pass":         true,
		"passphrase":   true,
		"token":        true,
		"access-token": true,
		"api-key":      true,
		"apikey":       true,
		"key-id":       true,
		"credentials":  true,
		"max-keys":     false,
		"passive":      false,
		"monkeys":      false,
	} {
		t.Run(name, func(t *testing.T) {
			// A driver's own key, and a section of that name around another one.
			shown := func(yaml string, section any) bool {
				_, err := config.Load(config.Options{
					File:     write(t, yaml),
					Sections: map[string]any{"driver": section},
				})
				return strings.Contains(err.Error(), hunter2)
			}
			if got := shown("driver: {"+name+": hunter2}", tagged(name, 0)); got == secret {
				t.Errorf("the value of driver.%s is shown: %v", name, got)
			}
			if !shown("driver: {"+name+": {size: hunter2}}", tagged(name, struct {
				Size int `koanf:"size"`
			}{})) {
				t.Errorf("the value of driver.%s.size is not shown", name)
			}
		})
	}
}

// tagged returns a pointer to a struct that has a value under a key.
func tagged(key string, value any) any {
	return reflect.New(reflect.StructOf([]reflect.StructField{{
		Name: "Field",
		Type: reflect.TypeOf(value),
		Tag:  reflect.StructTag(`koanf:"` + key + `"`),
	}})).Interface()
}
