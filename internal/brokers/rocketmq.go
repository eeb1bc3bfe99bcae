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
	"time"
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
	ports:    rocketPorts,
	clients:  []int{rocketNames, rocketBroker2Below, rocketBroker},
	patience: 3 * time.Second, // it takes 17 to say goodbye to itself
	tls:      true,
	missing:  func() error { return needJars(rocketmqRelease) },
	prepare:  prepareRocket,
	steps: func(b *Broker) []step {
		return []step{
			{
				name: "namesrv",
				argv: rocketJava(b, []string{"-Xmx256m"}, "org.apache.rocketmq.namesrv.NamesrvStartup",
					"-c", filepath.Join(b.Dir, "namesrv.conf")),
				ready: func(ctx context.Context) error { return pingTCP(ctx, b.listen(rocketNames)) },
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
	options = append(options, rocketTLS(b)...)
	return java(rocketmqRelease, append([]string{
		// It reaches into Java for its mapped files.
		"--add-opens=java.base/java.nio=ALL-UNNAMED",
		"--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
		"--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
		"-Drocketmq.home.dir=" + b.Dir,
		"-Duser.home=" + b.Dir, // of its logs
		"-Drmq.logback.configurationFile=" + filepath.Join(b.Dir, "logback.xml"),
	}, options...), main, args...)
}

// rocketTLS are the options of either process. As a client, which the broker is of the name server, each has what it has as a
// server.
func rocketTLS(b *Broker) []string {
	if b.tls == nil {
		return []string{"-Dtls.server.mode=disabled"} // making a certificate takes each process three seconds
	}
	return []string{
		"-Dtls.config.file=" + filepath.Join(b.Dir, "none"), // else one in /etc
		"-Dtls.test.mode.enable=false",
		"-Dtls.enable=true",
		"-Dtls.server.mode=enforcing",
		"-Dtls.server.certPath=" + b.tls.Cert,
		"-Dtls.server.keyPath=" + b.tls.Key,
		"-Dtls.server.trustCertPath=" + b.tls.CA,
		"-Dtls.server.need.client.auth=require",
		"-Dtls.server.authClient=true",
		"-Dtls.client.certPath=" + b.tls.Cert,
		"-Dtls.client.keyPath=" + b.tls.Key,
		"-Dtls.client.trustCertPath=" + b.tls.CA,
		"-Dtls.client.authServer=true",
	}
}

// rocketLogging has all logged to one place, where its own configuration writes a dozen files.
const rocketLogging = `<configuration>
	<statusListener class="org.apache.rocketmq.logging.ch.qos.logback.core.status.NopStatusListener"/>
	<appender name="OUT" class="org.apache.rocketmq.logging.ch.qos.logback.core.ConsoleAppender">
		<encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{0} %msg%n</pattern></encoder>
	</appender>
	<logger name="RocketmqBroker" level="INFO"/>
	<logger name="RocketmqNamesrv" level="INFO"/>
	<root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
`

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
	if b.tls != nil {
		broker = append(broker,
			"authenticationEnabled=true",
			"authenticationProvider=org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider",
			"authenticationMetadataProvider=org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
			fmt.Sprintf(`initAuthenticationUser={"username":%q,"password":%q}`, User, Password),
			// Of what the broker asks itself.
			fmt.Sprintf(`innerClientAuthenticationCredentials={"accessKey":%q,"secretKey":%q}`, User, Password),
			"",
		)
	}
	if err := os.WriteFile(filepath.Join(b.Dir, "namesrv.conf"), []byte(strings.Join(names, "\n")), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.Dir, "logback.xml"), []byte(rocketLogging), 0o600); err != nil {
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
	names, err := b.dial(ctx, b.listen(rocketNames))
	if err != nil {
		return err
	}
	err = askOver(ctx, names, question, func(answer *bufio.Reader) error {
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
	broker, err := b.dial(ctx, b.listen(rocketBroker))
	if err != nil {
		return err
	}
	return broker.Close()
}
