package brokers

import (
	"bufio"
	"context"
	"net"
)

// ask connects, sends a question and has the answer read. The questions that tell whether a broker is ready are so small that
// they are written by hand, and the package needs no client library.
func ask(ctx context.Context, address string, question []byte, read func(answer *bufio.Reader) error) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return askOver(ctx, conn, question, read)
}

// askOver is ask over a connection, which it closes.
func askOver(ctx context.Context, conn net.Conn, question []byte, read func(answer *bufio.Reader) error) error {
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Write(question); err != nil {
		return err
	}
	return read(bufio.NewReader(conn))
}
