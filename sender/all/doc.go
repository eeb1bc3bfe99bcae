// Package all links every sender of this module into a program, for those that
// choose by configuration:
//
//	import _ "github.com/switchboard-go/switchboard/sender/all"
//
// A program that always uses one imports that one, and is smaller.
package all
