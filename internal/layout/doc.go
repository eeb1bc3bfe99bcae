// Package layout holds the tests of this repository's shape: which package may import which, and what every file keeps to.
package layout
