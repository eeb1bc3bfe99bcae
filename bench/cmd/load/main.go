package main

import (
	"log"

	"github.com/switchboard-go/switchboard/bench/control"
	"github.com/switchboard-go/switchboard/bench/load"
)

func main() {
	crowd, err := load.New(control.OpenCreditWriter())
	if err == nil {
		err = control.Serve(func(c control.LoadCommand) (any, error) { return crowd.Do(c) })
	}
	if err != nil {
		log.Fatal(err)
	}
}
