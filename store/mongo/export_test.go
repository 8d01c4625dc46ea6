package mongo

// LikeMongoDB makes a store send what it sends to a server of MongoDB, whatever the one at hand is.
func (s *Store) LikeMongoDB() { s.decimals, s.elements = true, true }
