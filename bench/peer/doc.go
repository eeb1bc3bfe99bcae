// Package peer is what the measured servers have in common: a small interface, one package below for each, and the messages that
// they exchange with their clients. Each server is written as its own documentation recommends.
package peer
