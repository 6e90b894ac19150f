package app

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// accountName checks a name and returns it in lower case, as it is stored: 1–32
// letters, digits, '_', '@', '.' or '-' of ASCII (Yunxin accid). The result
// shares memory with name unless it had to be changed.
func accountName(field, name string) (string, error) {
	if name == "" || len(name) > maxAccount {
		return "", wire.Errorf(wire.CodeBadParameter, "%s must be 1 to %d characters long", field, maxAccount)
	}
	upper := false
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '@', c == '.', c == '-':
		case 'A' <= c && c <= 'Z':
			upper = true
		default:
			return "", wire.Errorf(wire.CodeBadParameter, "%s may hold only letters, digits, _ @ . and -", field)
		}
	}
	if upper {
		return strings.ToLower(name), nil
	}
	return name, nil
}

// counterpart checks which conversation a client means and returns the other
// account's name, or the team's, as it is stored.
func counterpart(scene wire.Scene, field, name string) (string, error) {
	switch scene {
	case wire.Scene_SCENE_P2P:
		return accountName(field, name)
	case wire.Scene_SCENE_TEAM:
		_, err := teamID(field, name)
		return name, err
	}
	return "", errScene
}

// teamOf is the team that a conversation is of, 0 when it is of two accounts.
// counterpart has checked it.
func teamOf(scene wire.Scene, name string) uint64 {
	if scene != wire.Scene_SCENE_TEAM {
		return 0
	}
	id, _ := state.ParseTeamID(name)
	return id
}

// mentions checks whom a message mentions and writes the names as they are
// stored.
func mentions(scene wire.Scene, names []string, all bool) error {
	if len(names) == 0 && !all {
		return nil
	}
	if scene != wire.Scene_SCENE_TEAM {
		return wire.Errorf(wire.CodeBadParameter, "only messages of teams can mention somebody")
	}
	if len(names) > state.MaxMentions {
		return wire.Errorf(wire.CodeBadParameter, "at most %d accounts can be mentioned", state.MaxMentions)
	}
	for i := range names {
		var err error
		if names[i], err = accountName("mentions", names[i]); err != nil {
			return err
		}
	}
	return nil
}

// roomName checks the name of a room: what cannot be seen, or looks like nothing,
// would let two rooms pass for one.
func roomName(name string) error {
	if err := bytesWithin("room", name, 1, maxRoomName); err != nil {
		return err
	}
	for _, c := range name {
		if c == ' ' || !unicode.IsPrint(c) {
			return wire.Errorf(wire.CodeBadParameter, "room may hold only visible characters, no spaces")
		}
	}
	return nil
}

// bytesWithin checks the length of an identifier in bytes, and its encoding.
func bytesWithin(field, s string, least, most int) error {
	if len(s) < least || len(s) > most {
		return wire.Errorf(wire.CodeBadParameter, "%s must be %d to %d bytes long", field, least, most)
	}
	if !utf8.ValidString(s) {
		return errNotUTF8
	}
	return nil
}

// charsWithin checks the length of a text in characters, and its encoding: what
// is not UTF-8 would make every receiver's protobuf decoder fail.
func charsWithin(field, s string, most int) error {
	if !utf8.ValidString(s) {
		return errNotUTF8
	}
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return wire.Errorf(wire.CodeBadParameter, "%s is longer than %d characters", field, most)
	}
	return nil
}
