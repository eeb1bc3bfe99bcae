// Package pairs measures what it costs to bring a message from one node to a
// socket of another, for each broker: through Switchboard, through the broker's
// client library alone, and, over Redis, through centrifuge.
//
// The sending node A, the receiving node B and the load generator, which holds
// B's sockets, are processes of their own, and so is the broker. A pair is what A
// and B run. The pairs of a broker take turns, round by round, so that a ratio of
// two of them is of one and the same minute.
//
// Of a round are told: messages a second from the first send to the last arrival,
// all of them acknowledged to A and counted where they arrive; the CPU time of A
// and B for each of them; those that were lost, came twice or out of their
// order; and the one-way latency at a modest rate.
package pairs
