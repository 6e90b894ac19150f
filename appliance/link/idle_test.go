package link_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	idleConnections  = 8000
	idleForBenchmark = time.Hour
)

// asServer makes the test binary a gateway in a process of its own.
const asServer = "YIZHAN_LINK_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		if err := serveForParent(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveForParent prints the gateway's key and address, then its memory for each
// line it reads, until its input ends.
func serveForParent() error {
	key, err := secure.NewServerKey()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := newHandler()
	h.ended = nil
	h.idle = idleForBenchmark
	s := link.NewServer(key, h, nil, nil, link.Options{})
	go func() { _ = s.Serve(l) }()
	fmt.Println(base64.StdEncoding.EncodeToString(key.Public()), l.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory() // twice: what a finalizer frees goes with the second
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		resident, err := residentBytes()
		if err != nil {
			return err
		}
		fmt.Println(m.HeapAlloc, m.StackInuse, m.Sys-m.HeapReleased, resident, h.hub.Len())
	}
	_ = l.Close()
	return s.Close()
}

func residentBytes() (int, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	return pages * os.Getpagesize(), err
}

// BenchmarkIdleConnection reports what one idle, logged-in connection costs the
// gateway's process: bytes of live heap, of stacks, of all memory that the Go
// runtime holds, and of resident memory.
func BenchmarkIdleConnection(b *testing.B) {
	for range b.N {
		b.StopTimer()
		measureIdle(b, idleConnections)
		b.StartTimer()
	}
}

func measureIdle(b *testing.B, connections int) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), asServer+"=1")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	var clients []*channel.Conn
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
		_ = in.Close()
		_ = server.Wait()
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	encoded, address, _ := strings.Cut(lines.Text(), " ")
	public, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		b.Fatal(err)
	}

	before := askMemory(b, in, lines)
	for i := range connections {
		c, err := channel.Dial(b.Context(), address, public, channel.Options{Codecs: secure.AllCodecs, ReadBuffer: secure.MaxReply})
		if err != nil {
			b.Fatal(err)
		}
		clients = append(clients, c)
		f := wire.Frame{Kind: wire.KindRequest, Command: wire.CmdLogin, Serial: 1}
		if err := c.WriteFrame(&f, &wire.LoginRequest{Account: fmt.Sprint("account-", i), Token: "secret", DeviceId: fmt.Sprint("device-", i)}); err != nil {
			b.Fatal(err)
		}
		if answer, err := c.ReadFrame(); err != nil || answer.Code != wire.CodeOK {
			b.Fatalf("answer %+v, error %v", answer, err)
		}
	}
	// Until all are parked: stacks of 2 KiB.
	var after [5]int
	eventually(b, func() bool {
		after = askMemory(b, in, lines)
		return after[1]-before[1] < connections*2200
	}, func() { b.Log("stacks have not shrunk") })
	if after[4] != connections {
		b.Fatalf("%d sessions, want %d", after[4], connections)
	}
	for i, unit := range []string{"heap-B/conn", "stack-B/conn", "runtime-B/conn", "resident-B/conn"} {
		b.ReportMetric(float64(after[i]-before[i])/float64(connections), unit)
	}
}

func askMemory(b *testing.B, in io.Writer, lines *bufio.Scanner) (m [5]int) {
	b.Helper()
	if _, err := io.WriteString(in, "\n"); err != nil {
		b.Fatal(err)
	}
	if !lines.Scan() {
		b.Fatal("the server has ended: ", lines.Err())
	}
	if _, err := fmt.Sscan(lines.Text(), &m[0], &m[1], &m[2], &m[3], &m[4]); err != nil {
		b.Fatal(err)
	}
	return m
}
