package brokers_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"

	"github.com/switchboard-go/switchboard/internal/brokers"
)

func TestRocket(t *testing.T) {
	rlog.SetLogLevel("error")
	s := time.Now()
	lap := func(n string) { t.Log(n, time.Since(s)); s = time.Now() }
	b, err := brokers.Start(brokers.RocketMQ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); lap("close") })
	lap("start")
	write := func(g string) {
		p, err := rocketmq.NewProducer(producer.WithNameServer([]string{b.Address}), producer.WithGroupName(g), producer.WithInstanceName(g))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		lap("pstart")
		r, err := p.SendSync(context.Background(), primitive.NewMessage("a", []byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		lap("send " + r.String())
		p.Shutdown()
		lap("shutdown")
	}
	write("a")
	o, _ := exec.Command("sh", "-c", "ps -eo rss,args | grep [o]rg.apache.rocketmq | cut -c1-50").Output()
	t.Log(string(o))
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	lap("kill")
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	lap("restart")
	write("b")
	if err := b.Pause(); err != nil {
		t.Fatal(err)
	}
	lap("pause")
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	lap("restart")
	o, _ = exec.Command("sh", "-c", "cp "+b.Dir+"/*.log /tmp/rl/").Output()
	o, _ = exec.Command("sh", "-c", "cd "+b.Dir+";  du -sh .; ss -ltnp | grep java").Output()
	t.Log(string(o))
}
