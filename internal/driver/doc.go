// Package driver has what the senders' drivers of this module share: the [Feed] of what has come from the broker, the contexts
// of calls that end with the driver, and the settings of TLS.
package driver
