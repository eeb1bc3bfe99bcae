package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchboard-go/switchboard/internal/drivertest"
	"github.com/switchboard-go/switchboard/sender"
	"github.com/switchboard-go/switchboard/sender/redis"
	"github.com/switchboard-go/switchboard/sender/sendertest"
)

func TestRedisCluster(t *testing.T) {
	servers := startCluster(t)
	t.Run("conforms", func(t *testing.T) { conformsOnCluster(t, servers) })
	t.Run("shards", func(t *testing.T) { shards(t, servers) })
	t.Run("moves slots", func(t *testing.T) { movesSlots(t, servers) })
}

// A Redis Cluster of real servers passes the suite too.
func conformsOnCluster(t *testing.T, servers []server) {
	modes(t, func(t *testing.T, mode redis.Mode) {
		sendertest.Run(t, sendertest.Harness{
			Open: func(t testing.TB, app, node string) sender.Broker {
				b, err := redis.Open(clusterSettings(servers, app, mode), node)
				if err != nil {
					t.Fatal(err)
				}
				return b
			},
		})
	})
}

func clusterSettings(servers []server, app string, mode redis.Mode) redis.Config {
	s := settings(servers[0].addr, app, mode)
	for _, server := range servers[1:] {
		s.Addrs = append(s.Addrs, server.addr)
	}
	return s
}

// The bus of an application is one server's work: the others hear none of it.
func shards(t *testing.T, servers []server) {
	channel := fresh()
	s := clusterSettings(servers, channel, redis.PubSub)
	n := subscribed(t, s, "n1")
	n.Take("user/2/1", true)
	at := owner(t, servers, "{"+channel+"}:all")
	eventually(t, func() error {
		counts, err := servers[at].PubSubShardNumSub(t.Context(), "{"+channel+"}:to:user/2/1").Result()
		if err == nil && counts["{"+channel+"}:to:user/2/1"] != 1 {
			err = fmt.Errorf("nobody has taken the user")
		}
		return err
	})
	for i, server := range servers {
		channels, err := server.PubSubShardChannels(t.Context(), "{"+channel+"}*").Result()
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if i == at {
			want = 3
		}
		if len(channels) != want {
			t.Errorf("server %d has %q, want %d channels", i, channels, want)
		}
	}
}

// A slot that moves to another server takes the bus with it. What the nodes can
// have missed meanwhile is reported.
func movesSlots(t *testing.T, servers []server) {
	modes(t, func(t *testing.T, mode redis.Mode) {
		noLeaks(t)
		channel := fresh()
		s := clusterSettings(servers, channel, mode)
		n, other := subscribed(t, s, "n1"), open(t, s, "n2")
		publish(t, other, "before")
		expect(t, n, "before")
		key := "{" + channel + "}:stream"
		from := owner(t, servers, key)
		to := (from + 1) % len(servers)
		slot, err := servers[0].ClusterKeySlot(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		setSlot := func(at int, args ...any) {
			t.Helper()
			if err := servers[at].Do(t.Context(), append([]any{"CLUSTER", "SETSLOT", slot}, args...)...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		setSlot(to, "IMPORTING", id(t, servers[from]))
		setSlot(from, "MIGRATING", id(t, servers[to]))
		if mode == redis.Stream {
			if err := servers[from].Migrate(t.Context(), "127.0.0.1", fmt.Sprint(servers[to].port), key, 0, patience).Err(); err != nil {
				t.Fatal(err)
			}
		}
		setSlot(to, "NODE", id(t, servers[to]))
		setSlot(from, "NODE", id(t, servers[to]))
		if event := next(t, n); event.Link != sender.LinkDown {
			t.Fatalf("received %+v, want a LinkDown", event)
		}
		expect(t, n, "up")
		drivertest.Insist(t, other, "after")
		expect(t, n, "after")
	})
}

// pair is a node that receives and one that publishes.
type pair struct {
	mode      redis.Mode
	to, other *redis.Broker
}

// pairs returns a pair for each mode, by which "before" has passed.
func pairs(t testing.TB, settings func(mode redis.Mode) redis.Config) (all []pair) {
	for _, mode := range bothModes {
		s := settings(mode)
		p := pair{mode, subscribed(t, s, "n1"), open(t, s, "n2")}
		publish(t, p.other, "before")
		expect(t, p.to, "before")
		all = append(all, p)
	}
	return all
}

// recovers expects that the receiver tells of the break, and that what is
// published then comes.
func (p pair) recovers(t testing.TB) {
	t.Helper()
	expect(t, p.to, "down", "up")
	eventually(t, func() error {
		packets := []sender.Packet{{Payload: []byte("after"), Nodes: sender.NodesUnknown}}
		err := p.other.Publish(t.Context(), packets)
		if err == nil && packets[0].Nodes == 0 {
			err = errors.New("no node took it")
		}
		return err
	})
	for got := ""; got != "after"; { // the connections may break more than once
		got = text(next(t, p.to))
	}
}

// replicates waits until a server is a copy, up to date.
func replicates(t testing.TB, replica server) {
	t.Helper()
	eventually(t, func() error {
		info, err := replica.Info(t.Context(), "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = fmt.Errorf("the replica does not follow: %s", info)
		}
		return err
	})
}

func TestFailover(t *testing.T) {
	noLeaks(t)
	for name, test := range map[string]func(*testing.T){"cluster": clusterFailover, "sentinel": sentinelFailover} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			test(t)
		})
	}
}

// A server of a Redis Cluster that dies is replaced by its copy.
func clusterFailover(t *testing.T) {
	servers, channel := startCluster(t), fresh()
	at := owner(t, servers, "{"+channel+"}:stream")
	replica := startServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
	meet(t, replica, servers[at])
	replica.whole(t, 4)
	eventually(t, func() error { return replica.ClusterReplicate(t.Context(), id(t, servers[at])).Err() })
	replicates(t, replica)
	both := pairs(t, func(mode redis.Mode) redis.Config { return clusterSettings(servers, channel, mode) })
	servers[at].ShutdownNoSave(t.Context())
	for _, p := range both {
		p.recovers(t)
	}
}

// Sentinels name the server, and after a failover another one.
func sentinelFailover(t *testing.T) {
	server := startServer(t)
	replica := startServer(t, "--replicaof", "127.0.0.1", fmt.Sprint(server.port))
	replicates(t, replica)
	sentinel := startSentinel(t, server)
	channel := fresh()
	both := pairs(t, func(mode redis.Mode) redis.Config {
		s := settings(sentinel.addr, channel, mode)
		s.MasterName = "main"
		return s
	})
	// It takes the sentinel some seconds to learn of the replica.
	eventually(t, func() error { return sentinel.Do(t.Context(), "SENTINEL", "FAILOVER", "main").Err() })
	for _, p := range both {
		p.recovers(t)
	}
	if info, err := replica.Info(t.Context(), "replication").Result(); err != nil || !strings.Contains(info, "role:master") {
		t.Errorf("the replica has not taken over: %v %s", err, info)
	}
}
