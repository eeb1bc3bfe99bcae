package brokers

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The ports of a Kafka.
const (
	kafkaClients = iota
	kafkaController
	kafkaPorts
)

var kafkaRecipe = recipe{
	ports:   kafkaPorts,
	missing: func() error { return needJars(kafkaRelease) },
	prepare: prepareKafka,
	steps: func(b *Broker) []step {
		return []step{{
			name:  "kafka",
			argv:  kafkaJava("-Xmx512m", "kafka.Kafka", kafkaConfig(b)),
			ready: func(ctx context.Context) error { return pingKafka(ctx, b.listen(kafkaClients)) },
		}}
	},
}

func kafkaConfig(b *Broker) string { return filepath.Join(b.Dir, "server.properties") }

func kafkaJava(heap, main string, args ...string) []string {
	return java(kafkaRelease, []string{heap, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}, main, args...)
}

// prepareKafka configures one node that is broker and controller, and formats its data folder.
func prepareKafka(b *Broker) error {
	controller := b.listen(kafkaController)
	config := strings.Join([]string{
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.voters=1@" + controller,
		"controller.listener.names=CONTROLLER",
		"listeners=PLAINTEXT://" + b.listen(kafkaClients) + ",CONTROLLER://" + controller,
		"advertised.listeners=PLAINTEXT://" + b.Address,
		"log.dirs=" + filepath.Join(b.Dir, "data"),
		// There is one node to keep a copy on.
		"offsets.topic.replication.factor=1",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.min.isr=1",
		// Tests have few groups, and wait for the first member of one.
		"offsets.topic.num.partitions=1",
		"transaction.state.log.num.partitions=1",
		"group.initial.rebalance.delay.ms=0",
		"",
	}, "\n")
	if err := os.WriteFile(kafkaConfig(b), []byte(config), 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	// A leading dash would look like an option.
	id[0] &= 0x7f
	argv := kafkaJava("-Xmx128m", "kafka.tools.StorageTool", "format",
		"-t", base64.RawURLEncoding.EncodeToString(id[:]), "-c", kafkaConfig(b))
	if output, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("format: %w:\n%s", err, output)
	}
	return nil
}

// pingKafka asks for the metadata, which names no broker until the only one has joined its cluster.
func pingKafka(ctx context.Context, address string) error {
	question := []byte{
		0, 0, 0, 16, // how much follows
		0, 3, // metadata
		0, 1, // in version 1
		0, 0, 0, 1, // correlation id
		0, 2, 'm', 'e', // client id
		0, 0, 0, 0, // of no topics
	}
	return ask(ctx, address, question, func(answer *bufio.Reader) error {
		var head [12]byte // size, correlation id, number of brokers
		if _, err := io.ReadFull(answer, head[:]); err != nil {
			return err
		}
		if binary.BigEndian.Uint32(head[8:]) == 0 {
			return errors.New("the broker has not joined its cluster")
		}
		return nil
	})
}
