package faults

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

func TestMain(m *testing.M) {
	if BeNode() {
		return
	}
	// What the proxy leaves where a connection ends while it has something to pass on.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}

// No driver breaks a promise, whatever fails. The kinds of broker have their faults at a time: most of that is waiting.
func TestPromises(t *testing.T) {
	var kinds []brokers.Kind
	for _, d := range Drivers() {
		if !slices.Contains(kinds, d.Kind) {
			kinds = append(kinds, d.Kind)
		}
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			site, err := NewSite(kind)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if t.Failed() {
					t.Log(site.broker.Logs())
				}
				if err := site.Close(); err != nil {
					t.Error(err)
				}
			}()
			for _, d := range Drivers() {
				for _, f := range Faults() {
					if d.Kind == kind {
						t.Run(d.Name+"/"+f.Name, func(t *testing.T) { keeps(t, site, d, f) })
					}
				}
			}
		})
	}
}

func keeps(t *testing.T, site *Site, d Driver, f Fault) {
	began := time.Now()
	o := Options{Length: f.Brief, ProbeInterval: 500 * time.Millisecond}
	if f.Name == "half-open link" {
		o.ProbeInterval = 0 // so that it is up to the driver to notice, as in real life
	}
	outcome, err := Run(t.Context(), site, d, f, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("in %s: %s", time.Since(began).Round(100*time.Millisecond), outcome.Row())
	for i, violation := range outcome.Violations {
		if i == 10 {
			t.Errorf("and %d more", len(outcome.Violations)-i)
			break
		}
		t.Error(violation)
	}
}
