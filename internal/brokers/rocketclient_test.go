package brokers_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"time"
)

// rocketConn is a connection to a name server or a broker of RocketMQ. The official client is not used: its consumer has a
// data race between the end and the search for queues (v2.1.2, internal/client.go: Shutdown and InvokeSync), which the race
// detector finds in one run of three.
type rocketConn struct {
	net.Conn
	answers *bufio.Reader
}

func dialRocket(ctx context.Context, address string) (*rocketConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	return &rocketConn{conn, bufio.NewReader(conn)}, err
}

// call sends a remoting command and returns the fields and the body of its answer. When ctx ends, so does the connection.
func (c *rocketConn) call(ctx context.Context, code int, fields map[string]string, body []byte) (map[string]string, []byte, error) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	header, err := json.Marshal(map[string]any{"code": code, "language": "GO", "version": 0, "opaque": 1, "flag": 0, "extFields": fields})
	if err != nil {
		return nil, nil, err
	}
	command := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	command = binary.BigEndian.AppendUint32(command, uint32(len(header)))
	if _, err := c.Write(append(append(command, header...), body...)); err != nil {
		return nil, nil, err
	}
	for {
		var size, headerSize uint32
		for _, number := range []*uint32{&size, &headerSize} {
			if err := binary.Read(c.answers, binary.BigEndian, number); err != nil {
				return nil, nil, err
			}
		}
		command := make([]byte, size-4)
		if _, err := io.ReadFull(c.answers, command); err != nil {
			return nil, nil, err
		}
		var answer struct {
			Code, Flag int
			Remark     string
			ExtFields  map[string]string
		}
		if err := json.Unmarshal(command[:headerSize], &answer); err != nil {
			return nil, nil, err
		}
		if answer.Flag&1 == 0 {
			continue // the broker asks its clients something
		}
		if answer.Code != 0 {
			err = fmt.Errorf("refused with code %d: %s", answer.Code, answer.Remark)
		}
		return answer.ExtFields, command[headerSize:], err
	}
}

// addressInList finds a broker's address in the name server's list, which is not quite JSON.
var addressInList = regexp.MustCompile(`"brokerAddrs":\{"?0"?:"([^"]+)"`)

// rocketBroker connects to the broker that the name server knows.
func rocketBroker(ctx context.Context, nameServer string) (*rocketConn, error) {
	names, err := dialRocket(ctx, nameServer)
	if err != nil {
		return nil, err
	}
	defer names.Close()
	_, list, err := names.call(ctx, 106, nil, nil) // GET_BROKER_CLUSTER_INFO
	if err != nil {
		return nil, err
	}
	found := addressInList.FindSubmatch(list)
	if found == nil {
		return nil, fmt.Errorf("no broker in %q", list)
	}
	return dialRocket(ctx, string(found[1]))
}

func connectRocket(address string) (func(context.Context, string) error, func(), error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	broker, err := rocketBroker(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	send := func(ctx context.Context, text string) error {
		_, _, err := broker.call(ctx, 10, map[string]string{ // SEND_MESSAGE
			"producerGroup": "test", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "1", "queueId": "0",
			"sysFlag": "0", "bornTimestamp": "0", "flag": "0", "properties": "", "reconsumeTimes": "0",
		}, []byte(text))
		return err
	}
	return send, func() { broker.Close() }, nil
}

// awaitRocket reads the topic from its beginning.
func awaitRocket(ctx context.Context, address, text string) error {
	broker, err := rocketBroker(ctx, address)
	if err != nil {
		return err
	}
	defer broker.Close()
	const wait, all = 1 << 1, 1 << 2
	for offset := "0"; ; {
		fields, messages, err := broker.call(ctx, 11, map[string]string{ // PULL_MESSAGE
			"consumerGroup": "test", "topic": topic, "queueId": "0", "queueOffset": offset, "maxMsgNums": "32",
			"sysFlag": strconv.Itoa(wait | all), "suspendTimeoutMillis": "15000", "commitOffset": "0",
			"subscription": "*", "subVersion": "0", "expressionType": "TAG",
		}, nil)
		if err != nil || bytes.Contains(messages, []byte(text)) {
			return err
		}
		offset = fields["nextBeginOffset"]
	}
}
