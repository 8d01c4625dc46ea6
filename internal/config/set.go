package config

import (
	"fmt"
	"strings"
)

// Setting is one row of the table.
type Setting struct {
	Name  string // of the flag, without the dashes
	Key   string // place in the file; a dot is a level
	Usage string
	Value Value
}

// Env is the name of the environment variable: FIRTH_MAX_BODY for --max-body.
func (s Setting) Env() string {
	return "FIRTH_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Help is the usage with the other two names of the setting.
func (s Setting) Help() string {
	return fmt.Sprintf("%s [%s, %s:]", s.Usage, s.Env(), s.Key)
}

// Flag holds what the command line said about one setting until the weaker sources have been read. It is a [Value].
type Flag struct {
	setting Setting
	given   bool
	text    string
}

// Flag returns the setting's flag, not yet given.
func (s Setting) Flag() *Flag { return &Flag{setting: s} }

// Set notes the text; [Resolve] checks and applies it.
func (f *Flag) Set(s string) error {
	f.given, f.text = true, s
	return nil
}

// String is what was given, or else the default.
func (f *Flag) String() string {
	if f.given || f.setting.Value == nil {
		return f.text
	}
	return f.setting.Value.String()
}

// Type is the placeholder of the help text.
func (f *Flag) Type() string { return f.setting.Value.Type() }

// IsBool says that the flag may stand without a value.
func (f *Flag) IsBool() bool { _, is := f.setting.Value.(boolean); return is }

// File is a YAML file as read; the zero File is no file.
type File struct {
	Name string
	Data []byte
}

// Resolve applies the file, then the environment, then the flags that were given to settings. Settings without a flag are set as well, so that one file
// serves all commands. Errors name the source: a flag, a variable, or file and line. lookup is os.LookupEnv.
func Resolve(settings []Setting, file File, lookup func(string) (string, bool), flags []*Flag) error {
	if err := applyFile(settings, file); err != nil {
		return err
	}
	for _, s := range settings {
		if text, found := lookup(s.Env()); found {
			if err := s.Value.Set(text); err != nil {
				return fmt.Errorf("%s: %w", s.Env(), err)
			}
		}
	}
	for _, f := range flags {
		if !f.given {
			continue
		}
		if err := f.setting.Value.Set(f.text); err != nil {
			return fmt.Errorf("--%s: %w", f.setting.Name, err)
		}
	}
	return nil
}
