// Package drive does a server's side of the workloads: it hands messages to the server as fast as credits come back, or at a rate,
// and measures what the process used meanwhile.
package drive
