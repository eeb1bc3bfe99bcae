// Package local is the sender of a single node: it delivers to the sessions of
// this process and knows of no others. It needs no configuration. Importing it
// makes it known as "local".
package local
