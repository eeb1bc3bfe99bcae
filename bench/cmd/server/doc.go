// Command server is one of the measured servers. The runner, cmd/bench, starts and steers it.
package main
