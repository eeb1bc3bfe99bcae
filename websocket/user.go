package websocket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"time"
)

// UserType is the kind of account that a user id belongs to: the same id under
// two types is two people. The numbers are the application's; Member and Admin
// are those of yudao's UserTypeEnum.
type UserType int

// The user types that the original systems ship with.
const (
	Member UserType = 1
	Admin  UserType = 2
)

// LoginUser is who a session belongs to, as the handshake found out. It is
// fixed for the session's life and must not be changed once returned from an
// Authenticator.
type LoginUser struct {
	// ID is unique within Type. It must not be empty and is at most MaxNameLength bytes.
	ID string
	// Type is the kind of account.
	Type UserType
	// Tenant is the tenant that the user acts in; empty in a system without tenants.
	Tenant string
	// Attributes are what the application wants to know of the user later, for
	// example a nickname. They are never sent to a client by this package.
	Attributes map[string]string
	// ExpiresAt is when the login ends: the session is then closed with
	// CloseLoginExpired. The zero time means never.
	ExpiresAt time.Time
}

// UserID is a user id as it stands in JSON: it reads a string, a number of any
// size, or null (empty), and writes a number where JavaScript can hold it
// exactly and a string where it cannot, as the original systems do.
type UserID string

// maxSafeInteger is 2^53-1, the largest integer that JavaScript holds exactly
// (ECMA-262, Number.MAX_SAFE_INTEGER).
const maxSafeInteger = 1<<53 - 1

// MarshalJSON implements json.Marshaler.
func (id UserID) MarshalJSON() ([]byte, error) {
	n, err := strconv.ParseInt(string(id), 10, 64)
	if err == nil && n >= -maxSafeInteger && n <= maxSafeInteger && strconv.FormatInt(n, 10) == string(id) {
		return []byte(id), nil
	}
	return json.Marshal(string(id))
}

// UnmarshalJSON implements json.Unmarshaler. A number must be a whole one,
// without fraction or exponent, so that each id has one spelling.
func (id *UserID) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*id = ""
		return nil
	}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(id))
	}
	if len(data) > MaxNameLength {
		return fmt.Errorf("user id longer than %d bytes", MaxNameLength)
	}
	n, ok := new(big.Int).SetString(string(data), 10)
	if !ok {
		return fmt.Errorf("user id %s is neither a string nor a whole number", data)
	}
	*id = UserID(n.String()) // -0 is 0
	return nil
}
