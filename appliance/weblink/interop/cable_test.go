package interop_test

import (
	"fmt"
	"net"
	"sync"
)

// cable forwards TCP connections to a server until a script cuts it: what a bad
// network does, whatever runs over it.
type cable struct {
	target   string
	listener net.Listener
	tasks    sync.WaitGroup

	mu       sync.Mutex
	changed  *sync.Cond
	ends     map[*net.TCPConn]struct{} // both ends of what is forwarded
	frozen   bool                      // nothing passes
	down     bool                      // who connects is cut off at once
	closed   bool
	toClient int64 // bytes that have passed
	toServer int64
}

func newCable(target string) (*cable, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &cable{target: target, listener: l, ends: map[*net.TCPConn]struct{}{}}
	c.changed = sync.NewCond(&c.mu)
	c.tasks.Go(c.accept)
	return c, nil
}

func (c *cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.target)
		if err != nil {
			near.Close()
			continue
		}
		c.join(near.(*net.TCPConn), far.(*net.TCPConn))
	}
}

// join forwards between a client's and a server's connection.
func (c *cable) join(near, far *net.TCPConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down || c.closed {
		near.Close()
		far.Close()
		return
	}
	c.ends[near], c.ends[far] = struct{}{}, struct{}{}
	c.tasks.Go(func() { c.forward(near, far, &c.toServer) })
	c.tasks.Go(func() { c.forward(far, near, &c.toClient) })
}

// forward copies until one end closes, and closes both.
func (c *cable) forward(from, to *net.TCPConn, count *int64) {
	defer func() {
		from.Close()
		to.Close()
		c.mu.Lock()
		delete(c.ends, from)
		c.mu.Unlock()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			c.pass(n, count)
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits while nothing passes.
func (c *cable) pass(n int, count *int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.frozen {
		c.changed.Wait()
	}
	*count += int64(n)
}

// do is what a script asks for: cut (orderly, as by a proxy that stops), reset
// (as by a host that has restarted), down (nobody new gets through), up, freeze
// (what is sent disappears from sight), thaw.
func (c *cable) do(action string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch action {
	case "cut":
		c.cutLocked(false)
	case "reset":
		c.cutLocked(true)
	case "down":
		c.down = true
	case "up":
		c.down = false
	case "freeze":
		c.frozen = true
	case "thaw":
		c.frozen = false
		c.changed.Broadcast()
	default:
		return fmt.Errorf("a cable cannot %q", action)
	}
	return nil
}

func (c *cable) cutLocked(reset bool) {
	for end := range c.ends {
		if reset {
			_ = end.SetLinger(0)
		}
		end.Close()
	}
}

func (c *cable) passed() (toClient, toServer int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.toClient, c.toServer
}

// close cuts what is left and waits for every goroutine.
func (c *cable) close() {
	c.listener.Close()
	c.mu.Lock()
	c.closed, c.frozen = true, false
	c.changed.Broadcast()
	c.cutLocked(false)
	c.mu.Unlock()
	c.tasks.Wait()
}
