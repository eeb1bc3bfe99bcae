// Package control is how the runner steers the processes it measures: one JSON line to a process's standard input is a command,
// one line from its standard output the answer. A socket pair between server and load generator, each process's file 3, carries
// the credits: how many of the messages in flight have arrived.
package control
