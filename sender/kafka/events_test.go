package kafka

import (
	"errors"
	"slices"
	"testing"

	"github.com/switchboard-go/switchboard/sender"
)

// drain takes all that waits.
func drain(e *events) (all []string) {
	for {
		event, ok := e.pop()
		switch {
		case !ok:
			return all
		case event.Link == sender.LinkDown:
			all = append(all, "down: "+event.Err.Error())
		case event.Link == sender.LinkUp:
			all = append(all, "up")
		default:
			all = append(all, string(event.Payload))
		}
	}
}

func TestTheLinkIsUpWhenEveryPartitionIsRead(t *testing.T) {
	var e events
	e.init()
	e.found(0) // which was not lost
	e.lost(0, errors.New("first"))
	e.lost(1, errors.New("second"))
	e.lost(0, errors.New("again"))
	e.push([][]byte{[]byte("of the third")})
	e.found(0)
	e.found(0)
	e.push([][]byte{[]byte("still down")})
	e.found(1)
	e.push([][]byte{[]byte("up again")})
	want := []string{"down: first", "of the third", "still down", "up", "up again"}
	if got := drain(&e); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestALinkThatComesAndGoesFillsNothing(t *testing.T) {
	var e events
	e.init()
	for range 10 * maxEvents {
		e.lost(0, errors.New("flaps"))
		e.found(0)
	}
	e.lost(0, errors.New("flaps"))
	if got := drain(&e); !slices.Equal(got, []string{"down: flaps"}) {
		t.Errorf("%d events wait", len(got))
	}
	e.found(0)
	e.lost(0, errors.New("taken meanwhile"))
	if got := drain(&e); !slices.Equal(got, []string{"up", "down: taken meanwhile"}) {
		t.Errorf("got %q", got)
	}
}

func TestRoom(t *testing.T) {
	var e events
	e.init()
	for range maxEvents {
		if !e.hasRoom() {
			t.Fatal("there is no room though the bound is not met")
		}
		e.push([][]byte{{}})
	}
	if e.hasRoom() {
		t.Fatal("there is room though the number's bound is met")
	}
	e.pop()
	<-e.room
	drain(&e)
	e.push([][]byte{make([]byte, maxEventBytes)})
	if e.hasRoom() {
		t.Fatal("there is room though the bytes' bound is met")
	}
	e.pop()
	<-e.room
	if !e.hasRoom() || e.bytes != 0 {
		t.Fatalf("there is no room though nothing waits, %d bytes", e.bytes)
	}
}
