// Package stamp marks messages with a number and the time they were sent at, at a place that survives every encoding that the
// servers use: '@' and 24 hexadecimal digits, which no JSON encoder escapes.
package stamp
