// Command modular is a monolith of two modules, orders and support, that push to
// the same people and know nothing of each other. With its test tokens
// ws://127.0.0.1:48080/ws?token=test1024:1 is customer 1024, ?token=test1 an employee.
//
//	go run ./examples/modular
package main
