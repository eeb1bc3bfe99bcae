package redis_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
)

// server is a redis-server of a test's own, beside those of package brokers,
// which are single ones.
type server struct {
	addr string
	port int
	*goredis.Client
}

// startServer starts a redis-server with more arguments, killed with the test.
func startServer(t testing.TB, args ...string) server {
	t.Helper()
	port := freePort(t)
	s := server{addr: fmt.Sprintf("127.0.0.1:%d", port), port: port}
	run := exec.Command("redis-server", append(args, "--bind", "127.0.0.1", "--port", strconv.Itoa(port),
		"--dir", t.TempDir(), "--save", "", "--repl-diskless-sync-delay", "0")...)
	s.await(t, run)
	return s
}

// startSentinel starts a sentinel that watches a server under the name main.
func startSentinel(t testing.TB, watched server) server {
	t.Helper()
	port := freePort(t)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	settings := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nsentinel monitor main 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\n", port, t.TempDir(), watched.port)
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server{addr: fmt.Sprintf("127.0.0.1:%d", port), port: port}
	s.await(t, exec.Command("redis-server", file, "--sentinel"))
	return s
}

// await starts a server and waits until it answers.
func (s *server) await(t testing.TB, run *exec.Cmd) {
	t.Helper()
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	s.Client = goredis.NewClient(&goredis.Options{Addr: s.addr, Protocol: 2, DialerRetries: 1})
	t.Cleanup(func() { _ = s.Close() })
	eventually(t, func() error { return s.Ping(t.Context()).Err() })
}

// freePort returns a port that is free, and so is the one that a cluster's
// server takes beside it.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := listener.Addr().(*net.TCPAddr).Port % 20000 // the other one is 10000 above
		listener.Close()
		if port < 10000 {
			port += 10000
		}
		if free(port) && free(port+10000) {
			return port
		}
	}
	t.Fatal("found no free port")
	return 0
}

func free(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// startCluster starts a Redis Cluster of three servers that share the slots, and
// waits until it is whole.
func startCluster(t testing.TB) []server {
	t.Helper()
	const count, slots = 3, 16384
	var servers []server
	for i := range count {
		s := startServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no")
		if err := s.ClusterAddSlotsRange(t.Context(), i*slots/count, (i+1)*slots/count-1).Err(); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	for _, s := range servers[1:] {
		meet(t, s, servers[0])
	}
	for _, s := range servers {
		s.whole(t, count)
	}
	return servers
}

// meet adds a server to another's cluster.
func meet(t testing.TB, s, other server) {
	t.Helper()
	if err := s.ClusterMeet(t.Context(), "127.0.0.1", strconv.Itoa(other.port)).Err(); err != nil {
		t.Fatal(err)
	}
}

// whole waits until a server knows who has which slot, and of so many servers.
func (s *server) whole(t testing.TB, servers int) {
	t.Helper()
	eventually(t, func() error {
		nodes, err := s.ClusterShards(t.Context()).Result()
		if err != nil {
			return err
		}
		known := 0
		for _, shard := range nodes {
			known += len(shard.Nodes)
		}
		info, err := s.ClusterInfo(t.Context()).Result()
		if err != nil {
			return err
		}
		if known != servers || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_slots_assigned:16384") {
			return fmt.Errorf("%s knows %d servers: %s", s.addr, known, info)
		}
		return nil
	})
}

// owner returns the server of a cluster that a key belongs to, and its index.
func owner(t testing.TB, servers []server, key string) int {
	t.Helper()
	for i, s := range servers {
		if err := s.Exists(t.Context(), key).Err(); err == nil { // the others answer MOVED
			return i
		}
	}
	t.Fatalf("no server has %s", key)
	return 0
}

func id(t testing.TB, s server) string {
	t.Helper()
	id, err := s.ClusterMyID(context.Background()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return id
}
