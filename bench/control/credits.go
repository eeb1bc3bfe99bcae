package control

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// Credits returns the two ends of what the load generator tells the server through: how many messages have arrived.
func Credits() (server, load *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket pair for credits: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "credits"), os.NewFile(uintptr(fds[1]), "credits"), nil
}

// creditsFile is the number of the file that Start passes on.
const creditsFile = 3

// A CreditReader is the server's end.
type CreditReader struct {
	conn   net.Conn
	buffer [256]byte
	held   int // bytes of a number that is not whole
}

// OpenCreditReader opens the end that this process was started with.
func OpenCreditReader() (*CreditReader, error) {
	return NewCreditReader(os.NewFile(creditsFile, "credits"))
}

// NewCreditReader takes over file.
func NewCreditReader(file *os.File) (*CreditReader, error) {
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("credits: %w", err)
	}
	return &CreditReader{conn: conn}, file.Close()
}

// Read waits for credits and returns their sum. It fails when none come for a time in which nothing that works would be silent.
func (r *CreditReader) Read() (int, error) {
	const silence = 30 * time.Second
	if err := r.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	n, err := r.conn.Read(r.buffer[r.held:])
	if err != nil {
		return 0, fmt.Errorf("credits: %w", err)
	}
	n += r.held
	sum, whole := 0, n/4*4
	for at := 0; at < whole; at += 4 {
		sum += int(binary.LittleEndian.Uint32(r.buffer[at:]))
	}
	r.held = copy(r.buffer[:], r.buffer[whole:n])
	return sum, nil
}

// A CreditWriter is the load generator's end.
type CreditWriter struct {
	file *os.File
}

// OpenCreditWriter opens the end that this process was started with.
func OpenCreditWriter() *CreditWriter { return NewCreditWriter(os.NewFile(creditsFile, "credits")) }

// NewCreditWriter takes over file.
func NewCreditWriter(file *os.File) *CreditWriter { return &CreditWriter{file} }

// Write gives n credits.
func (w *CreditWriter) Write(n int) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(n))
	_, err := w.file.Write(b[:])
	return err
}
