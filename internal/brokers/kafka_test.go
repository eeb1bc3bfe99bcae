package brokers_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

func TestKafka(t *testing.T) {
	s := time.Now()
	lap := func(n string) { t.Log(n, time.Since(s)); s = time.Now() }
	b, err := brokers.Start(brokers.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { t.Log(b.Logs()); b.Close(); lap("close") })
	lap("start")
	offsets := func() {
		kc := &kafka.Client{Addr: kafka.TCP(b.Address)}
		r, err := kc.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{"a": {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}}})
		t.Logf("%+v %v", r, err)
		f, err := kc.OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "g", Topics: map[string][]int{"a": {0}}})
		t.Logf("%+v %v", f, err)
	}
	write := func() {
		offsets()
		defer offsets()
		w := &kafka.Writer{Addr: kafka.TCP(b.Address), Topic: "a", AllowAutoTopicCreation: true, BatchTimeout: time.Millisecond}
		if err := w.WriteMessages(t.Context(), kafka.Message{Value: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		w.Close()
		lap("write")
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{b.Address}, Topic: "a", GroupID: "g", MaxWait: 100 * time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := r.ReadMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		lap("read")
		r.Close()
		lap("readclose")
	}
	kc := &kafka.Client{Addr: kafka.TCP(b.Address)}
	if r, err := kc.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "a", NumPartitions: 1, ReplicationFactor: 1}}}); err != nil || r.Errors["a"] != nil {
		t.Fatal(err, r)
	}
	lap("create")
	write()
	o, _ := exec.Command("sh", "-c", "ps -eo rss,args | grep [k]afka.Kafka | cut -c1-50").Output()
	t.Log(string(o))
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	lap("kill")
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	lap("restart")
	write()
	if err := b.Pause(); err != nil {
		t.Fatal(err)
	}
	lap("pause")
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	lap("restart")
	t.Log(b.Logs())
}
