package rocketmq

import (
	"fmt"
	"slices"
	"testing"
)

func TestParseRoute(t *testing.T) {
	r, err := parseRoute([]byte(`{
		"brokerDatas":[
			{"brokerAddrs":{0:"10.0.0.2:10911",1:"10.0.0.3:10911"},"brokerName":"b2","cluster":"c"},
			{"brokerAddrs":{"0":"10.0.0.1:10911"},"brokerName":"b1","cluster":"c"},
			{"brokerAddrs":{3:"10.0.0.5:10911",1:"10.0.0.4:10911"},"brokerName":"slaves"},
			{"brokerAddrs":{0:"10.0.0.6:10911"},"brokerName":"readonly"}],
		"queueDatas":[
			{"brokerName":"b2","perm":6,"readQueueNums":2,"writeQueueNums":2,"topicSysFlag":0},
			{"brokerName":"b1","perm":6,"readQueueNums":1,"writeQueueNums":3},
			{"brokerName":"slaves","perm":6,"readQueueNums":2,"writeQueueNums":2},
			{"brokerName":"readonly","perm":4,"readQueueNums":2,"writeQueueNums":2},
			{"brokerName":"gone","perm":6,"readQueueNums":2,"writeQueueNums":2}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []queue{{"b1", 0}, {"b2", 0}, {"b2", 1}}; !slices.Equal(r.write, want) {
		t.Errorf("to write: %v, want %v", r.write, want)
	}
	if got, want := fmt.Sprint(r.read), "map[b1:1 b2:2 readonly:2 slaves:2]"; got != want {
		t.Errorf("to read: %s, want %s", got, want)
	}
	for broker, want := range map[string]string{"b1": "10.0.0.1:10911", "b2": "10.0.0.2:10911", "slaves": "10.0.0.4:10911", "gone": ""} {
		if got := r.reader(broker); got != want {
			t.Errorf("%s is read at %q, want %q", broker, got, want)
		}
	}
	if r.writable("b2") != 2 || r.writable("slaves") != 0 {
		t.Errorf("%d and %d queues can be written to", r.writable("b2"), r.writable("slaves"))
	}
}

func TestParseRouteRefuses(t *testing.T) {
	for _, text := range []string{"", "null!", `{"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":-1}]}`, `{"queueDatas":[{"brokerName":"b","perm":6,"writeQueueNums":1000000000}]}`} {
		if r, err := parseRoute([]byte(text)); err == nil {
			t.Errorf("%s became %+v", text, r)
		}
	}
}

// Many nodes spread over the queues.
func TestLanes(t *testing.T) {
	r := &route{write: []queue{{"b", 0}, {"b", 1}, {"b", 2}, {"b", 3}}}
	taken := make(map[queue]int)
	for i := range 400 {
		name := fmt.Sprintf("node-%d", i)
		taken[r.lane(name)]++
	}
	for _, q := range r.write {
		if taken[q] < 50 {
			t.Errorf("%d of 400 nodes publish to queue %d", taken[q], q.id)
		}
	}
}
