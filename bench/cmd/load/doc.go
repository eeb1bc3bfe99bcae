// Command load is the load generator. The runner, cmd/bench, starts and steers it.
package main
