package state

import "github.com/yizhan-im/yizhan/raftstore"

// Machine is the IM state machine.
type Machine struct{}

// New makes a Machine.
func New() *Machine { return &Machine{} }

// Apply implements raftstore.Machine.
func (m *Machine) Apply(tx *raftstore.Tx, cmds [][]byte, results []any) error { return nil }

// Reset implements raftstore.Machine.
func (m *Machine) Reset(v *raftstore.View) error { return nil }
