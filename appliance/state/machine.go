package state

import (
	"errors"
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// ErrNewerFormat is returned by Reset when the stored data was written by a
// newer build in a way that this one cannot read.
var ErrNewerFormat = errors.New("state: data was written by a newer version; start that version, or a newer one")

// Machine is the IM state machine. The Store that runs it calls its methods from
// one goroutine, which owns every field.
//
// Its fields are the site row, mirrors of what is stored (caches, which change
// no result) and scratch.
type Machine struct {
	site     siteRow
	format   uint32 // of the stored data; 0 before the first command
	convs    convCache
	clients  clientFilter
	teams    teamCache
	marks    markCache
	specials specialFilter
	mutes    specialFilter
	removed  specialFilter
	key, val []byte
	msg      wire.Message // the Send being applied; shares memory with its result
	sends    []SendResult // results to hand out, see newSend

	notifySwept uint32 // no notification from before this day is stored
}

var _ raftstore.Machine = (*Machine)(nil)

// New makes a Machine for one Store.
func New() *Machine {
	return &Machine{convs: newConvCache(maxHotConvs), clients: newClientFilter(defaultFilterSize), specials: newSpecialFilter(defaultFilterSize), mutes: newMuteFilter(defaultFilterSize), removed: newRemovedFilter(defaultFilterSize), teams: newTeamCache(maxHotMembers), marks: newMarkCache(maxHotMarks)}
}

// Reset implements raftstore.Machine.
func (m *Machine) Reset(v *raftstore.View) error {
	*m = Machine{
		convs: newConvCache(m.convs.limit), clients: newClientFilter(m.clients.filterSize),
		specials: newSpecialFilter(m.specials.filterSize),
		mutes:    newMuteFilter(m.specials.filterSize),
		removed:  newRemovedFilter(m.specials.filterSize),
		teams:    newTeamCache(m.teams.limit),
		marks:    newMarkCache(m.marks.limit),
		key:      m.key, val: m.val,
	}
	var err error
	if m.format, err = loadFormat(v); err != nil {
		return err
	}
	site, ok, err := v.Get(keySite)
	if err != nil {
		return fmt.Errorf("state: reading the site row: %w", err)
	}
	if !ok {
		return nil
	}
	return m.site.decode(site)
}

// Apply implements raftstore.Machine.
func (m *Machine) Apply(tx *raftstore.Tx, cmds [][]byte, results []any) error {
	if err := m.clients.load(tx); err != nil {
		return err
	}
	if err := m.specials.load(tx); err != nil {
		return err
	}
	if err := m.mutes.load(tx); err != nil {
		return err
	}
	if err := m.removed.load(tx); err != nil {
		return err
	}
	if m.format == 0 {
		if err := m.setFormat(tx, firstFormat); err != nil {
			return err
		}
	}
	before := m.site
	for i, cmd := range cmds {
		result, err := m.run(tx, cmd)
		if err != nil {
			return err
		}
		results[i] = result
	}
	// Once a batch, not once a command: what is stored at the end of a batch does
	// not depend on where earlier batches ended.
	if m.site == before {
		return nil
	}
	m.val = m.site.append(m.val[:0])
	return tx.Set(keySite, m.val)
}

// run applies one command.
func (m *Machine) run(tx *raftstore.Tx, cmd []byte) (any, error) {
	kind, r := openCommand(cmd)
	if kind >= kindPresenceFirst && kind <= kindPresenceLast {
		return m.changePresence(tx, kind, &r)
	}
	switch kind {
	case kindSend:
		return m.send(tx, &r)
	case kindRead:
		return m.read(tx, &r)
	case kindRecall:
		return m.recall(tx, &r)
	case kindAck:
		return m.ack(tx, &r)
	case kindRecordLogin, kindRecordLoginNew:
		return m.recordLogin(tx, kind == kindRecordLoginNew, &r)
	case kindCreateAccount:
		return m.createAccount(tx, &r)
	case kindSetToken:
		return m.setToken(tx, &r)
	case kindSetBlocked:
		return m.setBlocked(tx, &r)
	case kindUpdateProfile:
		return m.updateProfile(tx, &r)
	case kindCreateTenant:
		return m.createTenant(tx, &r)
	case kindUpdateTenant:
		return m.updateTenant(tx, &r)
	case kindSetCallback:
		return m.setCallback(tx, &r)
	case kindUpgrade:
		return m.upgrade(tx, &r)
	case kindStoragePut:
		return m.storagePut(tx, &r)
	case kindStorageDelete:
		return m.storageDelete(tx, &r)
	case kindStorageLock:
		return m.storageLock(tx, &r)
	case kindStorageUnlock:
		return m.storageUnlock(tx, &r)
	case kindSetFriendMode:
		return m.setFriendMode(tx, &r)
	case kindNotify:
		return m.notify(tx, &r)
	case kindSendBroadcast:
		return m.sendBroadcast(tx, &r)
	case kindDeleteBroadcast:
		return m.deleteBroadcast(tx, &r)
	case kindStoreFile:
		return m.storeFile(tx, &r)
	case kindRemoveFiles:
		return m.removeFiles(tx, &r)
	case kindDeleteFiles:
		return m.deleteFiles(tx, &r)
	case kindEndFileJob:
		return m.endFileJob(tx, &r)
	case kindRecallTeam:
		return m.recallTeam(tx, &r)
	case kindReadTeam:
		return m.readTeam(tx, &r)
	case kindConversation:
		return m.changeConversation(tx, &r)
	case kindDoNotDisturb:
		return m.setDoNotDisturb(tx, &r)
	case kindReadMany:
		return m.readMany(tx, &r)
	case kindMuteAccount:
		return m.muteAccount(tx, &r)
	case kindCleanTeam:
		return m.cleanTeam(tx, &r)
	case kindPrune:
		return m.prune(tx, &r)
	case kindRemoveAccount:
		return m.removeAccount(tx, &r)
	case kindRemovalStep:
		return m.removalStep(tx, &r)
	case kindRecreateAccount:
		return m.recreateAccount(tx, &r)
	case kindRoomLog:
		return m.roomLog(tx, &r)
	case kindRoomSweep:
		return m.roomSweep(tx, &r)
	}
	if isRoomKind(kind) {
		return m.changeRoom(tx, kind, &r)
	}
	if kind >= kindTeamFirst && kind <= kindTeamLast {
		return m.changeTeam(tx, kind, &r)
	}
	if kind >= kindMessageFirst && kind <= kindMessageLast {
		return m.changeMessage(tx, kind, &r)
	}
	if kind == kindDeleteMessages {
		return m.deleteMessages(tx, &r)
	}
	if kind >= kindRelationFirst && kind <= kindRelationLast {
		return m.changeRelation(tx, kind, &r)
	}
	return &UnknownResult{Code: wire.CodeBadProtocol}, nil
}

// generationMs is the length of a generation of client ids. A client id is
// looked for in the current generation and the one before, so it is known for
// one to two weeks.
const generationMs = 7 * 24 * 60 * 60 * 1000

func generationOf(timeMs int64) uint32 { return uint32(timeMs / generationMs) }

// tick moves the machine's clock. Leaders' clocks differ and may jump back; the
// machine's does not. Entering a generation drops all before the previous one.
func (m *Machine) tick(tx *raftstore.Tx, timeMs int64) error {
	before := generationOf(m.site.clockMs)
	m.site.clockMs = max(m.site.clockMs, timeMs)
	now := generationOf(m.site.clockMs)
	if now == before || now < 2 {
		return nil
	}
	return tx.DeleteRange(appendGenerationKey(nil, 0), appendGenerationKey(nil, now-1))
}

// nextID gives out the next id, which is also the version of what changes.
func (m *Machine) nextID() uint64 {
	m.site.counter++
	return m.site.counter
}

// exists reports whether m.key is stored.
func (m *Machine) exists(tx *raftstore.Tx) (bool, error) {
	_, ok, err := tx.Get(m.key)
	return ok, err
}

// accountExists reports whether the account is stored. It overwrites m.key.
func (m *Machine) accountExists(tx *raftstore.Tx, tenant uint32, account string) (bool, error) {
	m.key = appendAccountKey(m.key[:0], tableAccount, tenant, account)
	return m.exists(tx)
}

// put stores an encoded message under m.key without an intermediate buffer.
func (m *Machine) put(tx *raftstore.Tx, body wire.Body) error {
	n := body.SizeVT()
	dst, err := tx.SetDeferred(m.key, n)
	if err != nil {
		return err
	}
	if w, err := body.MarshalToSizedBufferVT(dst); err != nil || w != n {
		return fmt.Errorf("state: encoding a message: %d of %d bytes: %w", w, n, err)
	}
	return nil
}
