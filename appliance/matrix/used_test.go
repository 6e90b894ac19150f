package matrix

import (
	"sync"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// used is what the scenarios have used of the protocol, by transport.
var used usage

type usage struct {
	mu       sync.Mutex
	requests map[transport]map[wire.Command]bool // answered with 200
	pushes   map[transport]map[wire.Command]bool // received
}

func (u *usage) asked(tr transport, cmd wire.Command, code wire.Code) {
	if code == wire.CodeOK {
		u.note(&u.requests, tr, cmd)
	}
}

func (u *usage) pushed(tr transport, cmd wire.Command) { u.note(&u.pushes, tr, cmd) }

func (u *usage) note(in *map[transport]map[wire.Command]bool, tr transport, cmd wire.Command) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if *in == nil {
		*in = map[transport]map[wire.Command]bool{overLink: {}, overWeb: {}}
	}
	(*in)[tr][cmd] = true
}
