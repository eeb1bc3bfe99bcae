package config

import "testing"

func TestDidYouMean(t *testing.T) {
	known := []string{"redis", "rabbitmq", "kafka", "local", "rocketmq"}
	for name, want := range map[string]string{
		"redsi":     ", did you mean redis?",
		"Redis":     ", did you mean redis?",
		"rabitmq":   ", did you mean rabbitmq?",
		"rocket-mq": ", did you mean rocketmq?",
		"loca":      ", did you mean local?",
		"lcoal":     ", did you mean local?",
		"nats":      "",
		"r":         "",
		"":          "",

		"sender.redsi": "",
	} {
		if got := didYouMean(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	// Two swapped letters are one mistake, or this would be too far from a short key.
	if got, want := didYouMean("websocket.paht", []string{"websocket.path"}), ", did you mean websocket.path?"; got != want {
		t.Errorf("swapped letters: %q, want %q", got, want)
	}
	if got, want := didYouMean("ab", []string{"ac", "aa"}), ", did you mean aa?"; got != want {
		t.Errorf("of two that are as near: %q, want %q", got, want)
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"kitten", "sitting", 3},
		{"flaw", "lawn", 2},
		{"ab", "ba", 1},
		{"abc", "acb", 1},
		{"abcd", "badc", 2},
		{"abc", "cab", 2},
		{"ca", "abc", 3}, // a swapped pair is not taken apart again
		{"aa", "aa", 0},
	} {
		if there, back := editDistance(test.a, test.b), editDistance(test.b, test.a); there != test.want || back != test.want {
			t.Errorf("%q and %q: %d and %d, want %d", test.a, test.b, there, back, test.want)
		}
	}
}
