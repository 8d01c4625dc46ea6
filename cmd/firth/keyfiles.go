package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/firth-health/firth/audit"
	"github.com/firth-health/firth/auth/smart/sealed"
	"github.com/firth-health/firth/internal/config"
)

// keyFiles are what a server must not keep in its store.
type keyFiles struct {
	dir string
}

// Names in the directory of --keys.
const (
	authKeyFile     = "auth.key"          // what is secret in the store is sealed under it
	auditKeyFile    = "audit.key"         // signs checkpoints of the audit trail
	checkpointsFile = "checkpoints.jsonl" // those checkpoints, one a line
)

// openKeyFiles finds the directory and makes it if it is not there. Servers that share a database must be told which, because they need the same keys.
func openKeyFiles(c config.Config) (keyFiles, error) {
	dir := c.Keys
	if dir == "" {
		if isURI(c.Store) {
			return keyFiles{}, usageError{errors.New("with a database, --keys must name the directory of the key files: all servers on it need the same")}
		}
		dir = filepath.Clean(c.Store) + ".keys"
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return keyFiles{}, fmt.Errorf("keys: %w", err)
	}
	return keyFiles{dir}, nil
}

func (k keyFiles) path(name string) string { return filepath.Join(k.dir, name) }

// auth is the key that secrets in the store are sealed under; it is made at the first start.
func (k keyFiles) auth() ([]byte, error) { return sealed.ReadKeyFile(k.path(authKeyFile), true) }

// audit is the key that signs checkpoints; it is made at the first start.
func (k keyFiles) audit() (ed25519.PrivateKey, error) {
	key, err := audit.LoadKey(k.path(auditKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		key, err = audit.CreateKey(k.path(auditKeyFile))
	}
	if errors.Is(err, fs.ErrExist) { // another server was faster
		key, err = audit.LoadKey(k.path(auditKeyFile))
	}
	return key, err
}

// checkpoints is the file that gets each checkpoint.
func (k keyFiles) checkpoints() (*os.File, error) {
	return os.OpenFile(k.path(checkpointsFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}
