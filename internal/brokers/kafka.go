package brokers

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The ports of a Kafka.
const (
	kafkaClients = iota
	kafkaController
	kafkaInternal // its own, where that of the clients has TLS
	kafkaPorts
)

var kafkaRecipe = recipe{
	ports:    kafkaPorts,
	clients:  []int{kafkaClients},
	patience: 10 * time.Second,
	tls:      true,
	missing:  func() error { return needJars(kafkaRelease) },
	prepare:  prepareKafka,
	steps: func(b *Broker) []step {
		plain := b.listen(kafkaClients)
		if b.tls != nil {
			plain = b.listen(kafkaInternal)
		}
		return []step{{
			name:  "kafka",
			argv:  kafkaJava("-Xmx512m", "kafka.Kafka", kafkaConfig(b)),
			ready: func(ctx context.Context) error { return pingKafka(ctx, plain) },
		}}
	},
}

func kafkaConfig(b *Broker) string { return filepath.Join(b.Dir, "server.properties") }

func kafkaJava(heap, main string, args ...string) []string {
	const logger = "-Dorg.slf4j.simpleLogger."
	options := []string{heap, logger + "showDateTime=true", logger + "dateTimeFormat=HH:mm:ss.SSS"}
	return java(kafkaRelease, options, main, args...)
}

// prepareKafka configures one node that is broker and controller, and formats its data folder.
func prepareKafka(b *Broker) error {
	listeners, err := kafkaListeners(b)
	if err != nil {
		return err
	}
	config := strings.Join(append(listeners,
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.voters=1@"+b.listen(kafkaController),
		"controller.listener.names=CONTROLLER",
		"log.dirs="+filepath.Join(b.Dir, "data"),
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
		// A killed broker is let in again when its last session has run out.
		"broker.session.timeout.ms=3000",
		"broker.heartbeat.interval.ms=500",
		"",
	), "\n")
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
	format := []string{"format", "-t", base64.RawURLEncoding.EncodeToString(id[:]), "-c", kafkaConfig(b)}
	if b.tls != nil {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			format = append(format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, User, Password))
		}
	}
	argv := kafkaJava("-Xmx128m", "kafka.tools.StorageTool", format...)
	if output, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("format: %w:\n%s", err, output)
	}
	return nil
}

// kafkaListeners configures where the broker listens, and with TLS whom it lets in there. It has a plain listener then, too, for
// itself and for who asks whether it is ready.
func kafkaListeners(b *Broker) ([]string, error) {
	clients, controller := b.listen(kafkaClients), ",CONTROLLER://"+b.listen(kafkaController)
	if b.tls == nil {
		return []string{
			"listeners=PLAINTEXT://" + clients + controller,
			"advertised.listeners=PLAINTEXT://" + b.Address,
		}, nil
	}
	// Kafka takes its certificate and its key from one file.
	store := filepath.Join(b.Dir, "keystore.pem")
	var both []byte
	for _, file := range []string{b.tls.Cert, b.tls.Key} {
		part, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		both = append(both, part...)
	}
	if err := os.WriteFile(store, both, 0o600); err != nil {
		return nil, err
	}
	login := func(mechanism, module string) string {
		return "listener.name.clients." + mechanism + ".sasl.jaas.config=org.apache.kafka.common.security." + module + ";"
	}
	return []string{
		"listeners=CLIENTS://" + clients + ",PLAINTEXT://" + b.listen(kafkaInternal) + controller,
		"advertised.listeners=CLIENTS://" + b.Address + ",PLAINTEXT://" + b.listen(kafkaInternal),
		"listener.security.protocol.map=CLIENTS:SASL_SSL,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"ssl.keystore.type=PEM",
		"ssl.keystore.location=" + store,
		"ssl.truststore.type=PEM",
		"ssl.truststore.location=" + b.tls.CA,
		"listener.name.clients.ssl.client.auth=required",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		login("plain", fmt.Sprintf("plain.PlainLoginModule required user_%s=%q", User, Password)),
		login("scram-sha-256", "scram.ScramLoginModule required"),
		login("scram-sha-512", "scram.ScramLoginModule required"),
	}, nil
}

// pingKafka asks who coordinates a group, and then that coordinator for the group's offsets. The first asking makes Kafka create
// the topic that holds them, for which the first member of a group would wait for seconds. When the offsets are loaded, the
// broker has joined its cluster and leads its partitions.
func pingKafka(ctx context.Context, address string) error {
	const (
		findCoordinator = "\x00\x0a\x00\x00"
		offsetFetch     = "\x00\x09\x00\x02"
		head            = "\x00\x00\x00\x01\x00\x02me" // correlation and client id
		group           = "\x00\x05ready"
		noTopics        = "\x00\x00\x00\x00"
	)
	// The answers start with their correlation id.
	if err := askKafka(ctx, address, findCoordinator+head+group, 4); err != nil {
		return fmt.Errorf("find the coordinator: %w", err)
	}
	if err := askKafka(ctx, address, offsetFetch+head+group+noTopics, 4+len(noTopics)); err != nil {
		return fmt.Errorf("fetch offsets: %w", err)
	}
	return nil
}

// askKafka sends a request and reads the error code that stands at an offset of the answer.
func askKafka(ctx context.Context, address, request string, offset int) error {
	question := binary.BigEndian.AppendUint32(nil, uint32(len(request)))
	return ask(ctx, address, append(question, request...), func(answer *bufio.Reader) error {
		head := make([]byte, 4+offset+2)
		if _, err := io.ReadFull(answer, head); err != nil {
			return err
		}
		if code := binary.BigEndian.Uint16(head[4+offset:]); code != 0 {
			return fmt.Errorf("error code %d", code)
		}
		return nil
	})
}
