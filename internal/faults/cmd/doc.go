// Command cmd has every fault happen to every driver and prints a table of what came of it. With -readme FILE it also puts
// the table between the markers in that file. It fails where a promise was broken. See make faults.
package main
