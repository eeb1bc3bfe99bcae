// Command cmd runs the brokers on their usual ports until it is interrupted, for those who try the drivers out by hand.
// Its arguments are the kinds to run; without any it runs all. See make brokers-up.
package main
