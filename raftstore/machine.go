package raftstore

// Machine is the deterministic state machine that a Store replicates.
//
// Determinism: results and state may depend only on the sequence of commands.
// How commands are cut into batches differs between nodes and between a first
// run and a replay, so nothing may depend on batch boundaries, on Tx.Index, on
// the clock, or on map order.
type Machine interface {
	// Apply runs the commands of one committed batch in order and puts the
	// outcome of cmds[i] into results[i]; len(results) == len(cmds). It is called
	// from one goroutine, never concurrently with Reset. cmds are valid only
	// during the call and must not be changed. A bad command is answered by a
	// result that says so. Any error returned (pass on those of tx) is fatal for
	// the node: nothing of the batch is stored or acknowledged.
	//
	// A result is handed to the Completion and to OnApplied, which may run at the
	// same time: it must not be changed after Apply returns.
	Apply(tx *Tx, cmds [][]byte, results []any) error

	// Reset is called before the first Apply and after the whole state was
	// replaced (restore, streamed install): drop every cache, load again from v.
	// v is valid only during the call.
	Reset(v *View) error
}

// Completion is told the outcome of a submitted command, exactly once, from a
// goroutine of the store, in the order in which the commands were committed.
// Done must not block: it delays every later completion.
type Completion interface{ Done(result any, err error) }

// CompletionFunc makes a Completion of a function.
type CompletionFunc func(result any, err error)

// Done calls f.
func (f CompletionFunc) Done(result any, err error) { f(result, err) }
