package config

import (
	"fmt"
	"reflect"
)

// senderSection begins the path of a driver's section.
const senderSection = "websocket.sender-"

// Decode returns a func that sets what its argument points to to what loaded
// points to: a section that Load has filled, handed to its driver as
// sender.OpenOptions.Decode. It fails where the two are not of one type, so also
// where loaded is nil because the sender's section was not among those loaded.
func Decode(loaded any) func(section any) error {
	return func(section any) error {
		from, to := reflect.ValueOf(loaded), reflect.ValueOf(section)
		if !from.IsValid() || from.Kind() != reflect.Pointer || from.Type() != to.Type() {
			return fmt.Errorf("config: the section that was loaded is a %T, not a %T", loaded, section)
		}
		to.Elem().Set(from.Elem())
		return nil
	}
}
