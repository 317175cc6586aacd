'use strict';
const ms = require('ms');

module.exports = async () => ({ message: `two days are ${ms('2 days')} ms` });
