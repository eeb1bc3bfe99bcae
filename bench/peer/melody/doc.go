// Package melody is olahol/melody as its README uses it: HandleRequest, Broadcast, and Session.Write for one user. It drops a message
// for a session that has 256 waiting.
package melody
