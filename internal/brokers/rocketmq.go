package brokers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The ports of a RocketMQ. Its broker serves clients on three: its own, the one two below and the one above.
const (
	rocketNames = iota
	rocketBroker2Below
	rocketBroker1Below // not used
	rocketBroker
	rocketBroker1Above
	rocketPorts
)

const rocketBrokerName = "broker"

var rocketRecipe = recipe{
	ports:   rocketPorts,
	missing: func() error { return needJars(rocketmqRelease) },
	prepare: prepareRocket,
	steps: func(b *Broker) []step {
		ask := func(ctx context.Context) error { return pingTCP(ctx, b.listen(rocketNames)) }
		return []step{
			{
				name: "namesrv",
				argv: rocketJava(b, []string{"-Xmx256m"}, "org.apache.rocketmq.namesrv.NamesrvStartup",
					"-c", filepath.Join(b.Dir, "namesrv.conf")),
				ready: ask,
			},
			{
				name: "broker",
				argv: rocketJava(b, []string{"-Xmx768m", "-XX:MaxDirectMemorySize=512m"}, "org.apache.rocketmq.broker.BrokerStartup",
					"-c", filepath.Join(b.Dir, "broker.conf")),
				ready: func(ctx context.Context) error { return pingRocket(ctx, b) },
			},
		}
	},
}

func rocketJava(b *Broker, options []string, main string, args ...string) []string {
	return java(rocketmqRelease, append([]string{
		// It reaches into Java for its mapped files.
		"--add-opens=java.base/java.nio=ALL-UNNAMED",
		"--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
		"--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
		"-Drocketmq.home.dir=" + b.Dir,
		"-Duser.home=" + b.Dir, // of its logs
	}, options...), main, args...)
}

// prepareRocket configures a name server and one broker.
func prepareRocket(b *Broker) error {
	port := func(index int) string { return strconv.Itoa(b.ports.numbers[index]) }
	names := []string{
		"bindAddress=" + loopback,
		"listenPort=" + port(rocketNames),
		"",
	}
	broker := []string{
		"bindAddress=" + loopback,
		"listenPort=" + port(rocketBroker),
		"haListenPort=" + port(rocketBroker1Above),
		"namesrvAddr=" + b.listen(rocketNames),
		"brokerClusterName=cluster",
		"brokerName=" + rocketBrokerName,
		"brokerId=0",
		"brokerIP1=" + b.advertise,
		"storePathRootDir=" + filepath.Join(b.Dir, "store"),
		"autoCreateTopicEnable=true",
		"autoCreateSubscriptionGroup=true",
		"flushDiskType=ASYNC_FLUSH",
		"mappedFileSizeCommitLog=67108864",
		"",
	}
	if err := os.WriteFile(filepath.Join(b.Dir, "namesrv.conf"), []byte(strings.Join(names, "\n")), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.Dir, "broker.conf"), []byte(strings.Join(broker, "\n")), 0o600)
}

// pingRocket asks the name server for the brokers: it knows one once that has registered itself, which it does when it is up.
func pingRocket(ctx context.Context, b *Broker) error {
	const header = `{"code":106,"language":"GO","version":0,"opaque":1,"flag":0}`
	question := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)))
	question = binary.BigEndian.AppendUint32(question, uint32(len(header)))
	question = append(question, header...)
	err := ask(ctx, b.listen(rocketNames), question, func(answer *bufio.Reader) error {
		var size [4]byte
		if _, err := io.ReadFull(answer, size[:]); err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(answer, int64(binary.BigEndian.Uint32(size[:]))))
		if err == nil && !bytes.Contains(text, fmt.Appendf(nil, "%q:{", rocketBrokerName)) {
			err = errors.New("the broker has not registered with the name server")
		}
		return err
	})
	if err != nil {
		return err
	}
	return pingTCP(ctx, b.listen(rocketBroker))
}
