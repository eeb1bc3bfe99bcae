package control_test

import (
	"testing"

	"github.com/switchboard-go/switchboard/bench/control"
)

func TestCreditsAddUpHoweverTheyAreCut(t *testing.T) {
	server, load, err := control.Credits()
	if err != nil {
		t.Fatal(err)
	}
	reader, err := control.NewCreditReader(server)
	if err != nil {
		t.Fatal(err)
	}
	writer := control.NewCreditWriter(load)
	for _, n := range []int{1, 2, 70000} {
		if err := writer.Write(n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := load.Write([]byte{5, 0}); err != nil { // half a number
		t.Fatal(err)
	}
	if n, err := reader.Read(); err != nil || n != 70003 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := load.Write([]byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	if n, err := reader.Read(); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
	load.Close()
	if _, err := reader.Read(); err == nil {
		t.Error("credits after the end")
	}
}
